#include <iscsi/data_out.h> // IWYU pragma: associated
