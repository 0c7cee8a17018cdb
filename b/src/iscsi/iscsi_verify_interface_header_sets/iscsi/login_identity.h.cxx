#include <iscsi/login_identity.h> // IWYU pragma: associated
