#include <transport/iscsi_connection.h> // IWYU pragma: associated
