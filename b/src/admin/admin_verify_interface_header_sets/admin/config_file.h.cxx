#include <admin/config_file.h> // IWYU pragma: associated
