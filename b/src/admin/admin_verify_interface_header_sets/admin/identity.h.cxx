#include <admin/identity.h> // IWYU pragma: associated
