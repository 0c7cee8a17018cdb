#include <iscsi/additional_headers.h> // IWYU pragma: associated
