#include <transport/tcp_listener.h> // IWYU pragma: associated
