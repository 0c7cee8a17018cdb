#include <scsi/vital_product_data.h> // IWYU pragma: associated
