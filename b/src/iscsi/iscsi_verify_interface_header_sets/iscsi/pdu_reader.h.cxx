#include <iscsi/pdu_reader.h> // IWYU pragma: associated
