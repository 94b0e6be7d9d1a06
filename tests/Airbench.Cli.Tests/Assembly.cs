// Each test starts training processes of its own, which take every core.
[assembly: CollectionBehavior(CollectionBehavior.CollectionPerAssembly)]
