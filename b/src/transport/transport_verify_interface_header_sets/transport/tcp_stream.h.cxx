#include <transport/tcp_stream.h> // IWYU pragma: associated
