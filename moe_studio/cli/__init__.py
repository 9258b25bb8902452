"""The command line: one module per command, named here and imported when it is used.

A module has a function ``command`` whose parameters are the options, and which returns the exit status:
0 done, 1 the design breaks a rule. Errors are raised; `moe_studio.cli.main` turns them into one line and 2.
"""

COMMANDS: dict[str, tuple[str, str]] = {
    "open": ("open_window", "Open the window on a project; the same as naming the project alone."),
    "new": ("new", "Make a project from a model and a cluster of the catalogue."),
    "import": ("import_model", "Make a project from a Hugging Face config.json."),
    "examples": ("examples", "List the example projects, or copy one."),
    "check": ("check", "Check the syntax of a project file: every fault with line and column."),
    "validate": ("validate", "Check a design against the rules: does it fit, is every expert placed, …"),
    "evaluate": ("evaluate", "Predict run time, throughput and memory."),
    "compare": ("compare", "Compare two designs, with the reasons."),
    "report": ("report", "Write a report as Markdown or as one HTML page."),
    "export": ("export", "Write a graph, a table, a trace or a picture."),
    "screenshot": ("screenshot", "Draw the window to a picture without showing it."),
    "get-time": ("get_time", "Time of one matrix multiplication on a device."),
    "accuracy": ("accuracy", "Predictions beside published figures of real deployments."),
    "predict": ("predict", "Predict run times for a table of kernels."),
    "calibrate": ("calibrate", "Fit kernel models to measured run times."),
    "providers": ("providers", "List who can price operators, and allow plug-ins."),
    "bench": ("bench", "Measure how fast MoE Studio itself is."),
    "schema": ("schema", "Print the JSON Schema of project files or of results."),
}
"""Each command's module in this package, and what it does in one line."""
