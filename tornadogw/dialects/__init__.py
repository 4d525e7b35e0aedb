"""What clients speak. One dialect so far: chat and completion in the OpenAI shape."""
