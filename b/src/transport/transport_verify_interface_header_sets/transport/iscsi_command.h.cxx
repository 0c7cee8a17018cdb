#include <transport/iscsi_command.h> // IWYU pragma: associated
