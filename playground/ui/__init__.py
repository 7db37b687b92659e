"""The page: Gradio components, the live stream and how things look. It translates and wires; it decides nothing."""
