#include <admin/administration.h> // IWYU pragma: associated
