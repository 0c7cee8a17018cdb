#include <iscsi/text_value.h> // IWYU pragma: associated
