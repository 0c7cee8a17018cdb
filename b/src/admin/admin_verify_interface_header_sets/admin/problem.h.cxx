#include <admin/problem.h> // IWYU pragma: associated
