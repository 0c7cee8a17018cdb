#include <iscsi/directory.h> // IWYU pragma: associated
