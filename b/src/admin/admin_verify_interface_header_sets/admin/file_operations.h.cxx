#include <admin/file_operations.h> // IWYU pragma: associated
