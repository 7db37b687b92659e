"""The page: Gradio components, the live event stream and how things look. It translates and wires; it decides nothing."""
