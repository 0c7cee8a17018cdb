#include <iscsi/pdu_session.h> // IWYU pragma: associated
