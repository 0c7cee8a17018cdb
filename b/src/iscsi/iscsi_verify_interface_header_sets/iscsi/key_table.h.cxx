#include <iscsi/key_table.h> // IWYU pragma: associated
