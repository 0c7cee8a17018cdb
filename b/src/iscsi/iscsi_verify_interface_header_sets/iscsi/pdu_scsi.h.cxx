#include <iscsi/pdu_scsi.h> // IWYU pragma: associated
