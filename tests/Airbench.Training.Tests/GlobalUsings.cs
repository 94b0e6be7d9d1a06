global using Airbench.Training;
