#include <iscsi/response.h> // IWYU pragma: associated
