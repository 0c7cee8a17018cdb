#include <wire/field.h> // IWYU pragma: associated
