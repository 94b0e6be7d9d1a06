// Both runtimes already take every core; tests side by side would only fight for them.
[assembly: CollectionBehavior(CollectionBehavior.CollectionPerAssembly)]
