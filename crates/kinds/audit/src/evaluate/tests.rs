//! Tables of policies and roles, with what is to be found.
