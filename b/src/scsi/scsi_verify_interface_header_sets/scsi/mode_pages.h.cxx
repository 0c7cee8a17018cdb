#include <scsi/mode_pages.h> // IWYU pragma: associated
