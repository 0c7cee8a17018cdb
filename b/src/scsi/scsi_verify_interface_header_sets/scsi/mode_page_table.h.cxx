#include <scsi/mode_page_table.h> // IWYU pragma: associated
