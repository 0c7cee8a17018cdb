#include <admin/config_section.h> // IWYU pragma: associated
