"""Actions on one person, asked for by a person: change the owner, create a task, convert, delete, push to an owner."""
