#include <iscsi/task_table.h> // IWYU pragma: associated
