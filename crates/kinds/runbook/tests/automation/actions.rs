//! What each action asks for and what it makes of the answers.
