"""Holds one entry a lesson, a file a part of the course; ``ecomlib.course.syllabus`` reads them."""
