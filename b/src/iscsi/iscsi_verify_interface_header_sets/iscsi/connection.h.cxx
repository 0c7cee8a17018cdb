#include <iscsi/connection.h> // IWYU pragma: associated
