#include <admin/state_directory.h> // IWYU pragma: associated
