#include <admin/unix_socket.h> // IWYU pragma: associated
