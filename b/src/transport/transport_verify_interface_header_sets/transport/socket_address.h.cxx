#include <transport/socket_address.h> // IWYU pragma: associated
