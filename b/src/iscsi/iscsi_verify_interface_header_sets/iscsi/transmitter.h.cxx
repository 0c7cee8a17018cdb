#include <iscsi/transmitter.h> // IWYU pragma: associated
