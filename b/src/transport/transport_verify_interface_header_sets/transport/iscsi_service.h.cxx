#include <transport/iscsi_service.h> // IWYU pragma: associated
