"""Tools for authors of lessons: notebook rules, execution, the repository's address, quizzes."""
