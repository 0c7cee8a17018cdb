#include <iscsi/text.h> // IWYU pragma: associated
