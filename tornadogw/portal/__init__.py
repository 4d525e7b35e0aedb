"""The pages that people see. Server-rendered, in Chinese and English, and useful without JavaScript."""
