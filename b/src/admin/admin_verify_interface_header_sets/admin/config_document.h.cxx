#include <admin/config_document.h> // IWYU pragma: associated
