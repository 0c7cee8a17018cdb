#include <iscsi/pdu.h> // IWYU pragma: associated
