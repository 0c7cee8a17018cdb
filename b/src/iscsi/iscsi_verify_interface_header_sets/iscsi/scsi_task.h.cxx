#include <iscsi/scsi_task.h> // IWYU pragma: associated
