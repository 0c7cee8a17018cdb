#include <iscsi/command_window.h> // IWYU pragma: associated
