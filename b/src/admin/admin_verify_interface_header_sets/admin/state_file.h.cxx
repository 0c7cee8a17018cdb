#include <admin/state_file.h> // IWYU pragma: associated
