// libtorch already takes every core; tests side by side would only fight for them, and one counts live tensors.
[assembly: CollectionBehavior(CollectionBehavior.CollectionPerAssembly)]
