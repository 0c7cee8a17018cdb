#include <reactor/file_descriptor.h> // IWYU pragma: associated
