#include <iscsi/control_pdu.h> // IWYU pragma: associated
