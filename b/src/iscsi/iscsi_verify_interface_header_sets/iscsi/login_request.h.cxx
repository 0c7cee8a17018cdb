#include <iscsi/login_request.h> // IWYU pragma: associated
